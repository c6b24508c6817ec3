"""What a router works out once from its options, so that a call only looks things up. The router's own."""
