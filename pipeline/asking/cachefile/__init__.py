"""The file behind the cache: opened wherever it lies, shared by threads and processes, never given up
for what may pass."""
