"""A forward pass that computes no more than the layers, and the logits, that are asked for."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import torch
from transformers import PreTrainedModel

Keep = Callable[[torch.Tensor], torch.Tensor]
AGREEMENT = 1e-4  # of a layer's largest value; the two ways run the same operations

logger = logging.getLogger(__name__)


class _Deepest(Exception):  # noqa: N818 - ends a pass that has all it needs, no error
    """Raised inside a model by the hook of the deepest layer wanted."""


class HiddenStates:
    """Hidden states of some layers of a causal language model.

    Layer i is what enters block i, so 0 is the embeddings; the last one is taken after the final
    normalisation, as transformers returns it. The states are caught on their way into the blocks.
    Without logits the pass ends at the deepest layer wanted: the blocks beyond it and the head do
    not run.

    Whether a model is built that way is not taken from a list of architectures, but tried: what
    was caught must equal what transformers returns for the probe. Of a model that fails, every
    pass computes everything, and the log says so.

    Parameters
    ----------
    model
    layers
        Those wanted, in the order of the result.
    probe : (1, t)
        Token numbers on the model's device, for the trial.
    """

    def __init__(self, model: PreTrainedModel, layers: Sequence[int], probe: torch.Tensor):
        self.model = model
        self.layers = list(layers)
        self.depth = model.config.get_text_config().num_hidden_layers
        self.owner, self.blocks = _blocks(model.base_model, self.depth)
        self.few_logits = "logits_to_keep" in inspect.signature(model.forward).parameters
        if self.blocks is not None and not self._agrees(probe):
            self.blocks = None
        if self.blocks is None:
            logger.info(
                "%s gives its hidden states only all at once: nothing is saved by asking for "
                "fewer layers.",
                model.name_or_path,
            )

    def __call__(
        self, ids: torch.Tensor, keep: Keep, *, logits: int = 0
    ) -> tuple[list[torch.Tensor], torch.Tensor | None]:
        """Run the model.

        Parameters
        ----------
        ids : (batch, t)
            Token numbers; no padding.
        keep
            Reduces a layer's states (batch, t, feature) as soon as they are there, so that the
            layers' states are never held together.
        logits
            Of at least how many last positions the logits are wanted.

        Returns
        -------
        states
            What `keep` made of each layer, in the order asked for.
        logits : (batch, `logits` or t, vocabulary)
            None if none are wanted.
        """
        if self.blocks is None:
            return self._everything(ids, keep, logits)
        kept: dict[int, torch.Tensor] = {}
        with ExitStack() as hooks:
            for layer in self.layers:
                if layer == self.depth:
                    hooks.enter_context(_after(self.owner, layer, kept, keep))
                    continue
                last = layer == max(self.layers) and not logits
                hooks.enter_context(_before(self.blocks[layer], layer, kept, keep, last=last))
            output = self._run(ids, logits)
        return [kept[layer] for layer in self.layers], output

    def _run(self, ids: torch.Tensor, logits: int) -> torch.Tensor | None:
        settings = {"input_ids": ids, "use_cache": False}
        if not logits:
            with suppress(_Deepest):
                self.model.base_model(**settings)
            return None
        if self.few_logits:
            settings["logits_to_keep"] = logits
        return self.model(**settings).logits

    def _everything(
        self, ids: torch.Tensor, keep: Keep, logits: int
    ) -> tuple[list[torch.Tensor], torch.Tensor | None]:
        settings = {"logits_to_keep": max(1, logits)} if self.few_logits else {}
        output = self.model(input_ids=ids, use_cache=False, output_hidden_states=True, **settings)
        states = [keep(output.hidden_states[layer]) for layer in self.layers]
        return states, output.logits if logits else None

    @torch.inference_mode()
    def _agrees(self, probe: torch.Tensor) -> bool:
        expected, _ = self._everything(probe, torch.clone, 0)
        try:
            caught = [*self(probe, torch.clone)[0], *self(probe, torch.clone, logits=1)[0]]
        except (AttributeError, IndexError, KeyError, TypeError):
            return False  # the base model or its blocks take or return something else
        return all(
            one.shape == other.shape
            and bool((one - other).abs().max() <= AGREEMENT * other.abs().max())
            for one, other in zip(caught, 2 * expected, strict=True)
        )


def _blocks(
    base: torch.nn.Module, depth: int
) -> tuple[torch.nn.Module | None, torch.nn.ModuleList | None]:
    """The outermost list of as many modules as the model has layers, and the module it is in."""
    lists = [
        (name.count("."), name, module)
        for name, module in base.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth
    ]
    if not lists:
        return None, None
    _, name, blocks = min(lists, key=lambda found: found[0])
    return base.get_submodule(name.rpartition(".")[0]), blocks


@contextmanager
def _before(
    block: torch.nn.Module, layer: int, kept: dict[int, torch.Tensor], keep: Keep, *, last: bool
) -> Iterator[None]:
    """Catch what enters a block; end the pass there if nothing beyond it is wanted."""

    def catch(_module, args, kwargs):
        kept[layer] = keep(args[0] if args else kwargs["hidden_states"])
        if last:
            raise _Deepest

    handle = block.register_forward_pre_hook(catch, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _after(
    owner: torch.nn.Module, layer: int, kept: dict[int, torch.Tensor], keep: Keep
) -> Iterator[None]:
    """Catch what the blocks and the final normalisation give."""

    def catch(_module, _args, output):
        kept[layer] = keep(output.last_hidden_state)

    handle = owner.register_forward_hook(catch)
    try:
        yield
    finally:
        handle.remove()
