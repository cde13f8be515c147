"""`make demo`: an order's life, from `wfctl new` to the replay check, with the server killed in the middle."""
