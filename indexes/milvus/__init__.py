"""A gallery in Milvus: a collection of a cluster, or of a file of Milvus Lite. pymilvus does the work.

A collection ``NAME`` holds items with their vectors, a partition per gallery; ``NAME__about`` holds what a
gallery is: the encoder, the statistics, whether a push was ended. Metric IP, vectors float32 (Milvus Lite
knows no float16), which hold float16 as it is.

The sides of a gallery lie in one vector, pictures first and then captions. A query of both sides is the two
queries one after the other, and the inner product is the sum of both: one search finds the best of the sum,
which two searches, of a side each, do not.
"""
