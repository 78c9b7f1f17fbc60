"""The delivery process is killed at random moments: no message is lost, none arrives twice unnoticed."""
