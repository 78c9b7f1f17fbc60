"""Reports that come back: bounces, delays, complaints and automatic replies, read without trust and within bounds."""
