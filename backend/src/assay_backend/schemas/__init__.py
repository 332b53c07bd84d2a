"""The shapes of requests and answers, for the documentation and for the tests."""
