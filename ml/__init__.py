"""Learn what is normal; score, forecast, explain."""
