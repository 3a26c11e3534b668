"""Knowledge from a language model: optional, off unless the settings name one."""
