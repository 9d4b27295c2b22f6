"""Puts the node's reactor where pynetdicom looks for its own, so that pynetdicom's tests run against it (Makefile)."""

import pynetdicom.dimse
import pynetdicom.dul

from dicom_io.network import reactor

reactor.install()
pynetdicom.dul.DULServiceProvider = reactor.UpperLayer
pynetdicom.dimse.DIMSEServiceProvider = reactor.Messages
