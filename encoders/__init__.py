"""Images, text and sound to vectors."""
