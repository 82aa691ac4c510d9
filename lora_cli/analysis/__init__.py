"""What is asked: each question combines modules and a method into records."""
