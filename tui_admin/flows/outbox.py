"""The outbox as its operator sees and handles it; `delivery` empties it."""
