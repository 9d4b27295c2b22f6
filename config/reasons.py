"""Every reason for which the node refuses, warns or fails, as one coded vocabulary."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """A coded reason; the value is what databases, logs, JSON and result objects carry.

    Each member is documented in ``docs/reasons.md``. ``action`` says what a person can do about it.
    """

    def __new__(cls, code: str, meaning: str, action: str) -> "Reason":
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.action = action
        return member

    meaning: str
    action: str

    # An instance that can't be used. Its bytes are kept.
    NOT_DICOM = ("not-dicom", "The file is not DICOM.", "Send DICOM Part 10 files or use C-STORE.")
    TRUNCATED = ("truncated", "The data set ends before it is complete.", "Send the instance again.")
    UNSUPPORTED_SOP_CLASS = (
        "unsupported-sop-class",
        "The SOP Class is not one the node accepts.",
        "Route CT, PET and Real World Value Mapping only; results of all kinds are taken, too.",
    )
    UNSUPPORTED_TRANSFER_SYNTAX = (
        "unsupported-transfer-syntax",
        "The transfer syntax is unknown or has no decoder.",
        "Let the sender use Explicit VR Little Endian, or a compression listed in the conformance statement.",
    )
    NO_PIXEL_DATA = ("no-pixel-data", "The image has no pixel data.", "Send the instance again with its pixels.")
    PIXEL_DATA_UNREADABLE = (
        "pixel-data-unreadable",
        "The pixel data can't be decoded.",
        "Check the instance at its source and send it again.",
    )
    MISSING_IDENTIFIERS = (
        "missing-identifiers",
        "A Study, Series or SOP Instance UID is absent or malformed.",
        "Correct the sender: without identifiers the instance belongs to no study.",
    )
    UID_CONFLICT = (
        "uid-conflict",
        "A SOP Instance UID arrived again with other content.",
        "Compare both copies; the first is used, the second is kept aside.",
    )

    # A study that can't be analysed honestly.
    NO_PET = ("no-pet", "There is no PET series that can be analysed.", "Send the attenuation-corrected PET series.")
    NO_CT = (
        "no-ct",
        "There is no CT series to go with the PET.",
        "Send the CT of the same examination, or allow PET without CT (analysis.pet_only).",
    )
    NO_ATTENUATION_CORRECTION = (
        "no-attenuation-correction",
        "The PET is not attenuation corrected (Corrected Image lacks ATTN).",
        "Send the attenuation-corrected reconstruction.",
    )
    NOT_A_POSITRON_EMITTER = (
        "not-a-positron-emitter",
        "The radionuclide is not a positron emitter although the object is of a PET class.",
        "Do not route SPECT to the node; correct the SOP Class at the source.",
    )
    DYNAMIC_ACQUISITION = (
        "dynamic-acquisition",
        "The PET is dynamic or gated: several time frames share the same positions.",
        "Send the static whole-body reconstruction.",
    )
    NO_COMMON_FRAME_OF_REFERENCE = (
        "no-common-frame-of-reference",
        "PET and CT have different Frame of Reference UIDs.",
        "Send the CT acquired with this PET; the node does not register images.",
    )
    INSUFFICIENT_OVERLAP = (
        "insufficient-overlap",
        "The CT covers too little of the PET.",
        "Send the CT that covers the PET's field of view.",
    )
    NO_GEOMETRY = (
        "no-geometry",
        "Position, orientation or pixel spacing is missing.",
        "Send original images, not screen captures.",
    )
    SLICE_GAP = ("slice-gap", "Slices are missing or irregularly spaced.", "Send the missing slices.")
    DUPLICATE_POSITION = (
        "duplicate-position",
        "Several different slices lie at the same position.",
        "Send one reconstruction per series.",
    )
    MIXED_MATRIX = (
        "mixed-matrix",
        "Slices differ in rows, columns or pixel spacing.",
        "Split the series at the source.",
    )
    MIXED_ORIENTATION = ("mixed-orientation", "Slices differ in orientation.", "Split the series at the source.")
    MIXED_ACQUISITIONS = (
        "mixed-acquisitions",
        "Slices come from acquisitions that do not belong together.",
        "Split the series at the source.",
    )
    GANTRY_TILT = (
        "gantry-tilt",
        "Slices are sheared: the stacking direction is not the slice normal.",
        "Send an untilted reconstruction.",
    )
    TOO_FEW_SLICES = ("too-few-slices", "Too few slices for a volume.", "Send the whole series.")

    # A PET that can't be quantified.
    NO_PATIENT_WEIGHT = ("no-patient-weight", "Patient Weight is missing or zero.", "Enter the weight at the scanner.")
    NO_PATIENT_SIZE = ("no-patient-size", "Patient Size is missing: no SUL or SUVbsa.", "Enter the height.")
    NO_DOSE = ("no-dose", "Radionuclide Total Dose is missing or zero.", "Enter the injected activity.")
    NO_HALF_LIFE = ("no-half-life", "Radionuclide Half Life is missing and unknown.", "Correct the header.")
    NO_ADMINISTRATION_TIME = (
        "no-administration-time",
        "The time of injection is missing.",
        "Enter the injection time at the scanner.",
    )
    NO_ACQUISITION_TIME = ("no-acquisition-time", "The time of acquisition is missing.", "Correct the header.")
    ADMINISTRATION_AFTER_SCAN = (
        "administration-after-scan",
        "The injection lies after the scan, and no midnight explains it.",
        "Correct the injection time.",
    )
    UNSUPPORTED_UNITS = (
        "unsupported-units",
        "The PET is in units that can't be converted to SUV.",
        "Reconstruct in Bq/ml.",
    )
    NO_VENDOR_FACTOR = (
        "no-vendor-factor",
        "The PET is in counts and the vendor's scale factor is missing.",
        "Do not strip private tags (7053,1000) and (7053,1009).",
    )
    NO_DECAY_CORRECTION_INFORMATION = (
        "no-decay-correction-information",
        "It can't be told whether or to when the PET is decay corrected.",
        "Correct Decay Correction (0054,1102).",
    )
    IMPLAUSIBLE_VALUES = (
        "implausible-values",
        "The PET's values can't be those of a patient.",
        "Check the reconstruction, Rescale Slope, weight and dose, and send the series again.",
    )

    # Lesions that are given.
    LABELS_UNUSABLE = (
        "labels-unusable",
        "The label map is not one of whole numbers on the grid of the PET.",
        "Resample it to the PET's grid with nearest neighbour: 0 for the background, 1, 2, 3 … for the lesions.",
    )

    # Said and marked; the result stands.
    DOSE_IN_MBQ = ("dose-in-mbq", "The dose was given in MBq and taken as such.", "Correct the dose unit.")
    WEIGHT_IN_GRAMS = ("weight-in-grams", "The weight was given in grams and taken as such.", "Correct the weight.")
    SCAN_OVER_MIDNIGHT = ("scan-over-midnight", "Injection and scan lie on two days.", "None needed.")
    DATES_SHIFTED = (
        "dates-shifted",
        "Dates disagree as after de-identification; times of day were used.",
        "None needed if the study was de-identified.",
    )
    DECAY_REFERENCE_UNCERTAIN = (
        "decay-reference-uncertain",
        "Candidates for the decay reference time differ by more than 1 % in SUV.",
        "Compare the candidates with the scanner's own SUV.",
    )
    DECAY_CORRECTION_ASSUMED = (
        "decay-correction-assumed",
        "Decay Correction is missing, or at odds with Corrected Image.",
        "Check against the scanner's own SUV.",
    )
    ADMINISTRATION_TIME_UNCERTAIN = (
        "administration-time-uncertain",
        "The header's injection times disagree by more than 1 % in SUV, or their time zone is open.",
        "Compare the injection time with the scanner's records.",
    )
    HALF_LIFE_DISAGREES = (
        "half-life-disagrees",
        "The header's half-life is more than 2 % off the radionuclide's.",
        "Check the radionuclide.",
    )
    HALF_LIFE_ASSUMED = ("half-life-assumed", "The half-life was taken from the radionuclide.", "Correct the header.")
    RESCALE_INTERCEPT = ("rescale-intercept", "The PET has a rescale intercept other than 0.", "Check the series.")
    VENDOR_FACTOR_DISAGREES = (
        "vendor-factor-disagrees",
        "The vendor's SUV factor and the one computed differ by more than 1 %.",
        "Check weight, dose and times.",
    )
    UPTAKE_TIME_UNUSUAL = (
        "uptake-time-unusual",
        "The time from injection to scan is outside the usual range.",
        "Check the injection time; delayed scans are legitimate.",
    )
    DUPLICATES_DROPPED = ("duplicates-dropped", "Identical slices at one position; one was used.", "None needed.")
    IDENTIFIERS_COMPLETED = (
        "identifiers-completed",
        "Series Instance UIDs are absent, as after a clumsy export; series were told apart by their other attributes.",
        "Export the study again with its UIDs: results refer to UIDs that no PACS knows.",
    )
    PADDING_IGNORED = (
        "padding-ignored",
        "The padding value is one that tissue has; it was taken for tissue.",
        "Check Pixel Padding Value at the scanner.",
    )
    SLICES_MISSING = (
        "slices-missing",
        "The PET lacks slices of those in Number of Slices.",
        "Send the missing slices: what they show was not analysed.",
    )
    CT_COVERS_PARTLY = ("ct-covers-partly", "The CT covers the PET only in part.", "Read the rest with care.")
    PET_WITHOUT_CT = (
        "pet-without-ct",
        "Analysed without a CT: locations are coarse, physiologic uptake is told apart less surely, "
        "and the totals may contain it.",
        "Send the CT.",
    )
    LIVER_REFERENCE_UNUSUAL = (
        "liver-reference-unusual",
        "The mean SUV of the liver is outside 1.3 to 3.0.",
        "Check weight, dose and times; diseased or fed livers differ.",
    )
    LIVER_REFERENCE_MISSING = (
        "liver-reference-missing",
        "No liver reference was found; a threshold that needs one was replaced.",
        "Choose a threshold rule that needs no liver, or send the liver with the study.",
    )
    BELOW_THRESHOLD = (
        "below-threshold",
        "What a network has found does not reach the threshold and was left out.",
        "Look at the place; choose models.delineation = network to keep it.",
    )
    LOCATED_BY_RULES = (
        "located-by-rules",
        "The location model could not localise a finding, or not surely enough; rules on anatomy located it.",
        "Read the locations of the findings named with care.",
    )
    LOCATIONS_DISAGREE = (
        "locations-disagree",
        "The location model and the rules on anatomy put a finding on opposite sides or into regions far apart.",
        "Look at the place; of sides that of the model is reported, of regions that of the rules.",
    )
    CAPTION_CONTRADICTED = (
        "caption-contradicted",
        "What the caption model wrote does not fit the finding's location; the caption was made by rule.",
        "None needed; the words named were not used.",
    )

    # Models and engines.
    BUNDLE_FILE_MISSING = (
        "bundle-file-missing",
        "A file of the bundle is not there.",
        "Copy the bundle again, or import the model again.",
    )
    BUNDLE_DIGEST = (
        "bundle-digest",
        "A file of the bundle is not the one that its maker released.",
        "Copy the bundle again; do not edit its files.",
    )
    BUNDLE_MALFORMED = (
        "bundle-malformed",
        "The bundle, or the model that a bundle is to be made of, is not described as it must be.",
        "Correct the description named; docs/models.md has its form.",
    )
    BUNDLE_UNKNOWN_TASK = (
        "bundle-unknown-task",
        "The bundle is for a task that the node does not know.",
        "Update the node, or choose another bundle.",
    )
    BUNDLE_CHANNELS = (
        "bundle-channels",
        "The model's inputs are not those that are given to it.",
        "Give the channels that the bundle names, all on one grid.",
    )
    CHECKPOINT_UNSAFE = (
        "checkpoint-unsafe",
        "The checkpoint holds something other than numbers; opening it could run code.",
        "Let its maker save the weights alone, as a state dict.",
    )
    MODEL_UNSUPPORTED = (
        "model-unsupported",
        "The model needs something that can't be reproduced here.",
        "See the detail; export the model as ONNX and describe it by hand, or choose another.",
    )
    BUNDLE_MISPLACED = (
        "bundle-misplaced",
        "The bundle is used for another task or tracer than its own.",
        "Name another bundle, in [models] or on the command line; `uptake models show NAME` says what it is for.",
    )
    BUNDLE_GRAPH = (
        "bundle-graph",
        "The bundle's graph can't be used: not a graph, or not of the shapes that the bundle names.",
        "Import the model again; `uptake models verify` says what is wrong.",
    )
    ENGINE_UNAVAILABLE = (
        "engine-unavailable",
        "The engine asked for can't run on this machine, or can't run this bundle.",
        "Install what is missing, or set models.engine to another engine or to auto.",
    )
    ENGINE_CACHE_FOREIGN = (
        "engine-cache-foreign",
        "A cached engine was built for another graph, GPU or version, or is damaged.",
        "Delete the file named; it is built again on the next start.",
    )
    ENGINE_FELL_BACK = (
        "engine-fell-back",
        "The engine or the precision asked for could not be used; another was.",
        "See the detail; the result stands.",
    )

    # The node itself.
    CALLED_AE_UNKNOWN = ("called-ae-unknown", "The called AE title is not this node's.", "Correct the sender.")
    CALLING_AE_NOT_ALLOWED = (
        "calling-ae-not-allowed",
        "The calling AE title is not on the list.",
        "Add it to listener.allowed_calling_ae_titles.",
    )
    ADDRESS_NOT_ALLOWED = (
        "address-not-allowed",
        "The address is not on the list.",
        "Add it to listener.allowed_addresses.",
    )
    TOO_MANY_ASSOCIATIONS = (
        "too-many-associations",
        "As many associations as the node takes at a time are open.",
        "Let the sender try again, or raise listener.maximum_associations.",
    )
    DISK_FULL = ("disk-full", "There is no room to keep the instance safely.", "Free space in the spool.")
    INCOMPLETE = (
        "incomplete",
        "The quiet time passed and evidence says that slices are missing.",
        "Send the missing instances; they start a new revision.",
    )
    WORKER_DIED = ("worker-died", "The analysis process died.", "See the log; `uptake retry`.")
    ANALYSIS_TIMEOUT = ("analysis-timeout", "The analysis took longer than analysis.timeout_s.", "See the log.")
    OUT_OF_MEMORY = ("out-of-memory", "The analysis ran out of memory.", "Give the node more memory; `uptake retry`.")
    INTERNAL_ERROR = ("internal-error", "A defect in the node.", "Report it with the log line; `uptake retry`.")
    OWN_RESULT = ("own-result", "A result of this node that came back; it is not analysed.", "None needed.")
    DISK_LOW = (
        "disk-low",
        "Less of the spool's disk is free than should be.",
        "Free space before instances are refused: a larger disk, or [retention].",
    )
    DATABASE_UNREACHABLE = (
        "database-unreachable",
        "The database does not answer.",
        "Start the database; look at its log and at database.url.",
    )
    LISTENER_UNREACHABLE = (
        "listener-unreachable",
        "The node's own DICOM port does not take connections.",
        "See the log; restart the node.",
    )
    PROCESS_NOT_RUNNING = (
        "process-not-running",
        "A process of the node has died and waits to be started again.",
        "See the log; if it goes on dying, the last lines before say why.",
    )
    SUPERVISOR_HANGS = (
        "supervisor-hangs",
        "The process that watches the others does not go round any more.",
        "Restart the node; under systemd the watchdog does.",
    )
    ARCHIVE_REFUSED_QUERY = (
        "archive-refused-query",
        "The archive did not say by C-FIND what it holds of a study.",
        "Let this node's AE title query the archive; without, studies wait for the quiet time.",
    )
    TLS_REFUSED = (
        "tls-refused",
        "A peer could not prove who it is, or did not speak TLS.",
        "Give it a certificate of an authority in listener.tls.authorities, and TLS 1.2 or later.",
    )
    TLS_FILES_UNUSABLE = (
        "tls-files-unusable",
        "The certificate, its key or the list of authorities can't be used.",
        "Correct the files that tls.certificate, private_key and authorities name; the key is not encrypted.",
    )
    OBJECT_TOO_LARGE = (
        "object-too-large",
        "A peer sent an object longer than the node takes; its association was ended.",
        "Raise listener.maximum_object_mb if the object is genuine.",
    )
    CERTIFICATE_OF_ANOTHER = (
        "certificate-of-another",
        "A peer used the calling AE title of another: its certificate does not bear the name that goes with it.",
        "Find out who it is; if the title is its own, correct listener.certificate_names.",
    )
    NODE_LOST = (
        "node-lost",
        "A node of the cluster gave no sign of life, and others took over its work.",
        "Look at its host, and at its way to the database and the spool; it joins again when it is started.",
    )
    RAY_UNREACHABLE = (
        "ray-unreachable",
        "The Ray cluster that analyses studies does not answer.",
        "Start it, or correct compute.address; studies wait meanwhile.",
    )
    RAY_FULL = (
        "ray-full",
        "The Ray cluster has no room for an analysis.",
        "Add a node to it, or lower compute.workers, compute.actor_cpus or compute.actor_gpus; studies wait meanwhile.",
    )
    RAY_DIFFERS = (
        "ray-differs",
        "The Ray cluster does not have the node's version of uptake, Ray or Python, or not its bundles.",
        "Install on every Ray node what this node has; studies wait meanwhile.",
    )

    # Delivery.
    DESTINATION_UNREACHABLE = (
        "destination-unreachable",
        "No association with the destination: connection failed.",
        "Start the destination; delivery goes on by itself.",
    )
    DESTINATION_REJECTED_ASSOCIATION = (
        "destination-rejected-association",
        "The destination rejected or aborted the association.",
        "Register this node's AE title at the destination.",
    )
    DESTINATION_REFUSES_SOP_CLASS = (
        "destination-refuses-sop-class",
        "The destination does not accept this SOP Class.",
        "See `uptake probe`; configure the destination, then `uptake retry`.",
    )
    DESTINATION_NOT_CONFIGURED = (
        "destination-not-configured",
        "The destination is not in the settings any more.",
        "Configure it again, then `uptake retry`.",
    )
    DESTINATION_REFUSED_OBJECT = (
        "destination-refused-object",
        "The destination answered C-STORE with a failure status.",
        "See the destination's log for the status, then `uptake retry`.",
    )
    RESULT_NOT_CONFORMANT = (
        "result-not-conformant",
        "A result object failed the conformance check; it is kept aside and not sent.",
        "A defect in the node: report it with the faults in the log, which `uptake check` shows, too.",
    )
    DESTINATION_LOST_OBJECT = (
        "destination-lost-object",
        "The destination took the object and then did not commit itself to keep it.",
        "See the destination's log for the failure reason, then `uptake retry`.",
    )
    COMMITMENT_UNANSWERED = (
        "commitment-unanswered",
        "The destination does not say whether it keeps the object.",
        "Enter this node's AE title, host and port for storage commitment at the destination, then `uptake retry`; or "
        "set destinations.storage_commitment to false.",
    )
    COMMITMENT_REFUSED = (
        "commitment-refused",
        "The destination does not take requests for storage commitment.",
        "Enable it at the destination, then `uptake retry`; or set destinations.storage_commitment to false.",
    )
    DESTINATION_NOT_TRUSTED = (
        "destination-not-trusted",
        "The destination, or this node in its eyes, could not prove who it is, or it does not speak TLS.",
        "Compare both certificates, and the authorities on both sides; delivery goes on by itself.",
    )

    # The audit trail.
    AUDIT_COLLECTOR_UNREACHABLE = (
        "audit-collector-unreachable",
        "A collector of audit messages can't be told.",
        "Start it, or correct audit_collectors; the export goes on by itself.",
    )


@dataclass(frozen=True, slots=True)
class Remark:
    """A reason with what was found in this case."""

    reason: Reason
    detail: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class UptakeError(Exception):
    """Root of the errors raised by this project."""


class Refused(UptakeError):
    """Input that is not analysed, stored or sent, with the coded reason and what was found."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail} {reason.action}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["Refused"], tuple[Reason, str]]:
        return Refused, (self.reason, self.detail)

    @property
    def remark(self) -> Remark:
        return Remark(self.reason, self.detail)
