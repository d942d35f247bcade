"""What the command line does, a file a group of commands; ``cli`` registers them."""
