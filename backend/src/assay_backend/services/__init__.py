"""What the endpoints answer from: the champion, the forecast, the bars."""
