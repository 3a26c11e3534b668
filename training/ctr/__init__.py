"""Click and conversion: features, models, calibration, blends and measures of labelled impressions."""
