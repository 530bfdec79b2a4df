"""The machine: devices, folders of models, memory, files that are written."""
