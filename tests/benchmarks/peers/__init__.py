"""The same small application, with each of those who are measured."""
