rule dataset:
    """Simulate or fetch one data set."""
    output:
        **data_files("{dataset}", "{data_key}"),
    log:
        f"{FOLDERS.work}/logs/data-{{dataset}}-{{data_key}}.log",
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    shell:
        "ladid-bench data {wildcards.dataset} --scale {STUDY.scale} 2>&1 | tee {log}"


def card_data(wildcards):
    """A card that is there needs no data: a clone with kept results renders its report without them."""
    if FOLDERS.card(wildcards.dataset, wildcards.data_key).exists():
        return []
    return data_files(wildcards.dataset, wildcards.data_key).values()


rule card:
    """Describe a data set for the report."""
    input:
        card_data,
    output:
        str(FOLDERS.card("{dataset}", "{data_key}")),
    shell:
        "ladid-bench card {wildcards.dataset} --scale {STUDY.scale}"
