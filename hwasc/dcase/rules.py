"""The rules of DCASE Task 1 for submissions by year, labels, and the file about a submission (`about.yaml`). No torch.

Sources: the task pages of dcase.community (challenge2024, challenge2025), the organisers' validator for 2024
(github.com/toni-heittola/dcase2024_task1_submission_validator), their inference package for 2025
(github.com/CPJKU/dcase2025_task1_inference), and metadata files filled in from their templates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.schema import STRICT

CLASSES = (
    "airport", "bus", "metro", "metro_station", "park", "public_square", "shopping_mall", "street_pedestrian",
    "street_traffic", "tram",
)  # fmt: skip
SUBSETS = ("5", "10", "25", "50", "100")  # percent of the training clips; 2024 asks for a student of each
SUBSET_2025 = "25"
DEVELOPMENT_DEVICES = ("a", "b", "c", "s1", "s2", "s3", "s4", "s5", "s6")
DEVICES = (*DEVELOPMENT_DEVICES, "s7", "s8", "s9", "s10")  # the devices of the official complexity script of 2025
YEARS = (2024, 2025)
SECONDS = 1.0
EVALUATION_CLIPS = {2024: 135_730}  # of the official set, where its number is known
MAX_ABBREVIATION = 10  # characters
DESCRIPTION = (
    "input_sampling_rate", "acoustic_features", "data_augmentation", "machine_learning_method", "external_data_usage",
    "complexity_management", "pipeline", "framework",
)  # fmt: skip
DESCRIPTION_OF_YEAR = {
    2024: ("split_adaptations", "system_adaptations"),
    2025: ("device_information", "num_models_at_inference", "model_weight_sharing"),
}

EXAMPLE = """name: Small students of many teachers
abbreviation: SmallStud            # at most 10 characters
authors:                           # in order; one of them is corresponding
  - lastname: Doe
    firstname: Jane
    email: jane.doe@example.org
    corresponding: true
    affiliation: {abbreviation: INST, institute: An Institute, department: Its Department, location: "City, Country"}
inference_code: null               # 2025: the address of your repository with the inference package
source_code: null
external_datasets: []              # each {name: ..., url: ..., total_audio_length: minutes}
description: {}                    # replaces what is filled in, e.g. {data_augmentation: "mixup, time rolling"}
"""


@dataclass(frozen=True)
class Label:
    """A submission's label, such as `Surname_INST_task1_1`.

    Attributes:
        team: Surname of the corresponding author, abbreviation of the institute, `task1`.
        index: Number of the submission, 1 to 4.
    """

    team: str
    index: int

    def __str__(self) -> str:
        return f"{self.team}_{self.index}"

    @classmethod
    def parse(cls, text: str, year: int) -> Label:
        """Parse a label.

        Args:
            text: The label.
            year: The challenge's year. The label of 2025 is also the name of a Python module.

        Returns:
            The label.

        Raises:
            UsageError: The label has another form.
        """
        letters = r"[A-Za-z0-9-]" if year == 2024 else r"[A-Za-z0-9]"
        found = re.fullmatch(rf"([A-Za-z]{letters}*_{letters}+_task1)_([1-4])", text)
        if not found:
            allowed = (
                "letters, digits and '-'" if year == 2024 else "letters and digits, because it names a Python module"
            )
            raise UsageError(f"--label {text}: expected Surname_INST_task1_N with N from 1 to 4, of {allowed}")
        return cls(found[1], int(found[2]))


@dataclass(frozen=True, kw_only=True)
class Complexity:
    """Complexity of a student as the challenge counts it.

    Attributes:
        macs: Multiply-accumulates of one clip.
        parameters: Number of parameters.
        parameter_bytes: Bytes of the parameters.
    """

    macs: int
    parameters: int
    parameter_bytes: int


@dataclass(frozen=True)
class Affiliation:
    """Where an author works.

    Attributes:
        abbreviation: Of the institute.
        institute: Its name.
        location: City and country.
        department: Its name, or None.
    """

    abbreviation: str
    institute: str
    location: str
    department: str | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True)
class Author:
    """One author.

    Attributes:
        lastname: Last name.
        firstname: First name.
        email: Address.
        affiliation: Where the author works.
        corresponding: Whether this is the corresponding author.
    """

    lastname: str
    firstname: str
    email: str
    affiliation: Affiliation
    corresponding: bool = False

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True)
class ExternalData:
    """An external data set or pre-trained model.

    Attributes:
        name: Its name.
        url: Its address.
        total_audio_length: Minutes, or None.
    """

    name: str
    url: str
    total_audio_length: float | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True)
class About:
    """The file about a submission: what run folders do not hold.

    Attributes:
        name: Name of the system.
        abbreviation: Its abbreviation, 1 to 10 characters.
        authors: In order; exactly one is corresponding.
        inference_code: Address of the repository with the inference package (required in 2025).
        source_code: Address of the source code.
        external_datasets: Data sets and models from elsewhere.
        description: Fields of the metadata's description to replace.
    """

    name: str
    abbreviation: str
    authors: tuple[Author, ...]
    inference_code: str | None = None
    source_code: str | None = None
    external_datasets: tuple[ExternalData, ...] = ()
    description: dict[str, str | int | None] = field(default_factory=dict)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if not 1 <= len(self.abbreviation) <= MAX_ABBREVIATION:
            raise ValueError(f"abbreviation: 1 to {MAX_ABBREVIATION} characters, found '{self.abbreviation}'")
        named = sum(a.corresponding for a in self.authors)
        if named != 1:
            raise ValueError(f"authors: exactly one must be `corresponding: true`, found {named}")

    @classmethod
    def load(cls, path: Path, year: int) -> About:
        """Read the file about a submission.

        Args:
            path: A YAML file.
            year: The challenge's year.

        Returns:
            Its contents.

        Raises:
            UsageError: Lists every mistake.
        """
        about = schema.parse(cls, schema.read_yaml(path, "file about the submission (--help shows one)"), str(path))
        known = (*DESCRIPTION, *DESCRIPTION_OF_YEAR[year])
        if unknown := [k for k in about.description if k not in known]:
            raise UsageError(f"{path}: description: unknown key '{unknown[0]}' in {year} (known: {', '.join(known)})")
        return about
