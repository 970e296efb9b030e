"""The HTTP API, the WebSockets and the page: how people and other programs see courses, and steer them."""
