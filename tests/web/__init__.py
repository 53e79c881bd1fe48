"""Pages: the public ones, the officers', and the shell they share."""
