"""The same work on several devices: copies of a model, and batches handed to who is free."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel

AHEAD = 2  # batches a device may have under way or waiting to be taken

Item = TypeVar("Item")
Worker = TypeVar("Worker")
Result = TypeVar("Result")


def replica(model: PreTrainedModel, device: str) -> PreTrainedModel:
    """A copy with its weights on another device, without a second copy where the model is."""
    moved: dict[int, Any] = {}  # what deepcopy finds here, by identity, it takes as copied
    for weight in model.parameters():
        # requires_grad stays: torch picks its kernels by it
        moved[id(weight)] = torch.nn.Parameter(weight.data.to(device), weight.requires_grad)
    for buffer in model.buffers():
        moved[id(buffer)] = buffer.to(device)
    return copy.deepcopy(model, moved)


def in_turns(
    work: Callable[[Item, Worker], Result], items: Iterable[Item], workers: Sequence[Worker]
) -> Iterator[Result]:
    """Results of the items, in their order, computed by whichever worker is free.

    Several workers have a thread each. At most `AHEAD` items a worker are under way, so that
    memory stays bounded. An error in one ends the others after the items they are at.
    """
    if len(workers) == 1:
        for item in items:
            yield work(item, workers[0])
        return
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def by_a_free_one(item: Item) -> Result:
        worker = free.get()
        try:
            return work(item, worker)
        finally:
            free.put(worker)

    under_way: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(len(workers))
    try:
        for item in items:
            if len(under_way) == AHEAD * len(workers):
                yield under_way.popleft().result()
            under_way.append(pool.submit(by_a_free_one, item))
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
