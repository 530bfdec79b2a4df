"""`likebut serve`: the product in a browser, for one person or a small team.

One process answers requests, searches and keeps sessions; another one, which it starts, holds the models.

FastAPI and uvicorn: small, requests checked by types, OpenAPI for nothing, tested in process. Gradio and
NiceGUI are wheels of 31 and 8.5 MB before their dependencies, and bring front ends of their own.
"""
