"""What is drawn of each answer: a function that turns records into a plot, one file each."""
