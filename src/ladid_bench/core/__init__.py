"""What every other package stands on: errors, configuration, paths, files and where a number came from."""
