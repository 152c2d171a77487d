"""Calibrate uncertain inputs to published figures, and score forecasts made as of earlier dates."""
