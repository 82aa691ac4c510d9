"""Plots of answers: `answers` declares what is drawn, and two renderers draw it, into a file and on a terminal."""
