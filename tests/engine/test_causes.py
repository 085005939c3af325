"""What is said of an exception that ended a job."""

import pytest
import torch

from core.engine.worker.causes import cause_of


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to"),
    ],
    ids=lambda error: str(error)[:30] or "MemoryError",
)
def test_memory_that_ran_out_is_told_with_advice_whoever_noticed(error: BaseException) -> None:
    kind, sentence = cause_of(error)
    assert kind == "out of memory"
    assert sentence.endswith("try a smaller count, batch or network.")


def test_another_error_on_a_gpu_stays_what_it_is() -> None:
    kind, sentence = cause_of(RuntimeError("CUDA error: device-side assert triggered\nmore"))
    assert (kind, sentence) == ("exception", "RuntimeError: CUDA error: device-side assert triggered")
