import string

from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE

from dicom_io.network.store_response import encode_success

components = st.text(string.digits, min_size=1, max_size=6).map(lambda digits: str(int(digits)))
uids = st.lists(components, min_size=1, max_size=9).map(lambda parts: ".".join(["1", *parts]))


@given(message_id=st.integers(0, 0xFFFF), sop_class_uid=uids, sop_instance_uid=uids)
def test_it_is_byte_for_byte_what_pynetdicom_encodes(
    message_id: int, sop_class_uid: str, sop_instance_uid: str
) -> None:
    response = C_STORE()
    response.MessageIDBeingRespondedTo, response.Status = message_id, 0x0000
    response.AffectedSOPClassUID, response.AffectedSOPInstanceUID = sop_class_uid, sop_instance_uid
    message = C_STORE_RSP()
    message.primitive_to_message(response)
    (data,) = message.encode_msg(1, 0)
    ((_, fragment),) = data.presentation_data_value_list
    assert encode_success(message_id, sop_class_uid, sop_instance_uid) == fragment[1:]
