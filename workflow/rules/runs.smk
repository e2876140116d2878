# A job that the cluster killed, or whose run lacked time or memory, goes on where it was with more of both. A run that
# fails of itself is attempted again in its job, and then its record says why.
KILLED = 2


rule run:
    """Fit, forecast, score and record a method that is not trained step by step."""
    input:
        data_of_run,
    output:
        str(FOLDERS.record("{key}")),
    log:
        log_of("job"),
    wildcard_constraints:
        key=GRAPH.keys_of("run"),
    priority: 1
    retries: STUDY.execution.retries + KILLED
    threads: STUDY.execution.threads
    resources:
        mem_mb=lambda wildcards, attempt: attempt * memory_mb(RUNS[wildcards.key]),
        runtime=lambda wildcards, attempt: GRAPH.minutes(wildcards.key, attempt),
        turn=1,  # runs that share a job of the cluster take turns (slurm/config.yaml)
    params:
        command=f"{COMMAND} run --restartable",
        scale=STUDY.scale,
    shell:
        "{params.command} {wildcards.key} --scale {params.scale} > {log} 2>&1"


use rule run as train with:
    """Train, forecast, score and record; a profile may give these jobs a GPU."""
    input:
        data_of_run,
        shorter_of_run,
    wildcard_constraints:
        key=GRAPH.keys_of("train"),
    priority: 0


use rule run as transfer with:
    """Train on, or ask as it is, the model of another run."""
    input:
        data_of_run,
        shorter_of_run,
        start_of_run,
    wildcard_constraints:
        key=GRAPH.keys_of("transfer"),
    priority: 0


use rule run as model with:
    """Train again what other runs start from, or what is to be probed or calibrated, where only its record is there."""
    input:
        data_of_model,
    output:
        temp(touch(f"{FOLDERS.model('{key}')}.again")),
    log:
        log_of("model"),
    wildcard_constraints:
        key="[0-9a-f]{16}",
    params:
        command=f"{COMMAND} model",
        scale=STUDY.scale,


use rule run as probe with:
    """Look at what is in the latents of a trained model; of a run that ended without a result it says just that."""
    input:
        what_to_probe,
    output:
        str(FOLDERS.probe("{key}")),
    log:
        log_of("probe"),
    wildcard_constraints:
        key="[0-9a-f]{16}",
    resources:
        mem_mb=lambda wildcards, attempt: attempt * memory_mb(RUNS[wildcards.key]),
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        command=f"{COMMAND} probe --skip-failed",
        scale=STUDY.scale,


use rule run as calibrate with:
    """Score what a run says of its uncertainty; of one that ended without a result it says just that."""
    input:
        what_to_calibrate,
    output:
        str(FOLDERS.calibration("{key}")),
    log:
        log_of("calibrate"),
    wildcard_constraints:
        key="[0-9a-f]{16}",
    resources:
        mem_mb=lambda wildcards, attempt: attempt * memory_mb(RUNS[wildcards.key]),
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        command=f"{COMMAND} calibrate --skip-failed",
        scale=STUDY.scale,
