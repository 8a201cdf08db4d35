"""Two networks on one video, or two recordings read by one network."""
