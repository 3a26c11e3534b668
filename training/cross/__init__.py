"""One person on several platforms: what somebody did on one brings recommendations on another."""
