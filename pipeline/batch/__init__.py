"""Many queries or pictures: read, answered in portions, estimated beforehand."""
