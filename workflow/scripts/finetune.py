"""Tune the language model on one domain's multiple-choice questions."""

from pathlib import Path

from _job import device, job
from lmbrain.artefacts import write_table
from lmbrain.features.language_model import load_model, save_model
from lmbrain.finetuning.domains import read_choice_set
from lmbrain.finetuning.training import finetune

with job(snakemake) as made:
    params = snakemake.params
    wanted = dict(params.language_model)
    if snakemake.input.weights:
        wanted |= {"source": str(Path(snakemake.input.weights[0]).parent), "revision": None}
    choice_set = dict(params.choice_set)
    if snakemake.input.choices:
        choice_set["source"] = str(snakemake.input.choices)
    train, validation = read_choice_set(**choice_set)
    model, tokenizer = load_model(**wanted, device=device(snakemake))
    model, history = finetune(
        model,
        tokenizer,
        train,
        validation,
        seed=params.seed,
        device=device(snakemake),
        **params.training,
    )
    save_model(model, tokenizer, Path(snakemake.output.weights).parent)
    write_table(history, snakemake.output.history, made)
