"""``python pixelmed.py FILE…``: PixelMed's SR validator on many documents, to a JSON object of each one's errors.

Its launcher takes one document at a time, and longer to start than to validate. Its rules are style sheets: with those
that Java brings along, 50 lesions need more than 3 GB, and a minute; with Saxon, 300 do not.
"""

import json
import sys

import jpype

JARS = ["/usr/share/java/pixelmed.jar", "/usr/share/java/Saxon-HE.jar"]
OPTIONS = ["-Xmx3g", "-Djavax.xml.transform.TransformerFactory=net.sf.saxon.TransformerFactoryImpl"]


def main(files: list[str]) -> None:
    jpype.startJVM(*OPTIONS, classpath=JARS)
    validator = jpype.JClass("com.pixelmed.validate.DicomSRValidator")()
    sys.stdout.write(json.dumps({file: errors(str(validator.validate(file))) for file in files}))


def errors(said: str) -> list[str]:
    lines = said.splitlines()
    if "IOD validation complete" not in lines:
        return [f"It did not come to its end: {said[-500:]}"]
    return [line for line in lines if line.startswith("Error")]


if __name__ == "__main__":
    main(sys.argv[1:])
