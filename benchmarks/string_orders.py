"""Dynamic string sampling on digits: breadth-first with batched beads against greedy, the same pair and threshold."""

import time

import torch

from core.data.files import data_root
from core.data.load import load
from core.losses import loss_named
from core.methods.connect import connect
from core.methods.method import Task
from core.networks.architectures import build
from core.problem import Problem
from core.specs.data import read_data
from core.specs.methods import String
from core.specs.networks import read_network
from core.specs.runs import Train
from core.training import Until, train


def main() -> None:
    torch.set_num_threads(1)
    data = load(read_data("digits"), data_root(None))
    architecture = build(read_network("fcn:32x2"), (1, 8, 8), 10)
    problem = Problem(architecture.module, data, loss_named(None, 10), architecture.layered)
    starts = torch.stack([architecture.initial(seed, torch.float32) for seed in (0, 1)])
    options = Train(network="", data="", lr=0.003, epochs=300)
    ends = train(problem, starts, [0, 1], options, until=Until("train-loss", 0.01)).thetas
    print("below   order    seconds  beads  normalised length  level")
    for below in (0.05, 0.02, 0.012):
        seconds = {}
        for order in ("greedy", "breadth"):
            task = Task(ends[0], ends[1], problem, below)
            begun = time.perf_counter()
            made = connect(String(order=order, lr=0.003, epochs=300), task)
            seconds[order] = time.perf_counter() - begun
            path, level = made.construction.path, made.examination.certificate.level
            print(
                f"{below:<7} {order:8} {seconds[order]:7.2f} {made.construction.beads:6} "
                f"{path.normalized_length():18.3f}  {level:.4g}{'' if made.failure is None else '  ' + made.failure}"
            )
        print(f"        greedy takes {seconds['greedy'] / seconds['breadth']:.2f} times as long as breadth")


if __name__ == "__main__":
    main()
