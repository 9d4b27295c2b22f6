"""The indication: what an examination was made for, where it decides how its findings are graded."""

from enum import StrEnum


class Indication(StrEnum):
    LYMPHOMA = "lymphoma"
    OTHER = "other"
