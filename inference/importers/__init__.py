"""Importers: models of other frameworks as bundles; torch and onnx are needed only here."""
