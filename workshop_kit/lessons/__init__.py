"""What a lesson gives its reader: a workspace that keeps, predictions, and the tour that runs every lesson."""
