"""What the neural sequence models share: batches of histories, attention blocks, items' vectors, the encoder."""
