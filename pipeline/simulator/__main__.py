"""`python -m pipeline.simulator`: the command on its own."""

from pipeline.simulator.command import simulator

if __name__ == "__main__":
    simulator(prog_name="python -m pipeline.simulator")
