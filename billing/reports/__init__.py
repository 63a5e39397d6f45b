"""The read side: frozen answers to what a workspace asks about itself, the same for the pages and the API."""
