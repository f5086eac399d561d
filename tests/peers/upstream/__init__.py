"""A FastAPI service with the behaviour of the one that gloss is put in front of."""
