"""A real PACS between a scanner and the node: Orthanc, judged by DCMTK, every validator at hand, and a viewer."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread

from config.finding import FindingKind
from config.settings import Destination
from config.vocabulary import vocabulary
from db.detail import FindingDetail, StudyDetail
from db.states import DeliveryState, ReportOutcome, StudyState
from dicom_io.reading.files import find_instances
from dicom_io.scanner.examination import SAMPLE_NAMES, PatientIdentity
from dicom_io.scanner.study import StudyPlan, WrittenStudy, write_study
from dicom_io.scanner.vendors import SIEMENS
from inference.patient.patient import DigitalPatient, Grid

pytestmark = [pytest.mark.orthanc, pytest.mark.xdist_group("orthanc"), pytest.mark.timeout(240)]
