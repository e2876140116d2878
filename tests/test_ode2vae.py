"""ODE2VAE: its flow and densities against closed forms, its loss term by term, and what each encoding reads."""

from dataclasses import replace
from types import ModuleType

import pytest
import torch
from stepping import solve_by_frame
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch, WindowSampler
from ladid_bench.methods.distributions import Gaussian, negative_log_likelihood
from ladid_bench.methods.registry import load_method, resolve_settings

METHOD = "ode2vae"

DEGREES, CONTEXT = 16, 10


@pytest.fixture
def build(root, pendulum_task):
    def build_model(variant: str = "default", **changes):
        torch.manual_seed(0)
        task = replace(pendulum_task, duration=4.5)  # for a unit of time that is not 1
        return load_method("ode2vae", root)(task, resolve_settings("ode2vae", variant, changes, root)).build_model()

    return build_model


@pytest.fixture
def batch(pendulum, pendulum_task: Task) -> WindowBatch:
    sampler = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=4), "cpu")
    return sampler.draw(50, torch.Generator().manual_seed(0))


@pytest.fixture
def times() -> Tensor:
    torch.manual_seed(1)
    return torch.cat([torch.zeros(5, 1), torch.rand(5, 40).sort(dim=1).values], dim=1).double()


def random_field(module: ModuleType, degrees: int, hidden: int = 12):
    torch.manual_seed(2)
    field = module.BayesianField(2 * degrees, hidden).double()
    return field.with_weights(4 * field.posterior().mean.detach())


def linear_field(module: ModuleType, stiffness: Tensor, damping: Tensor, small: float = 1e-4):
    """The network that is ``dv/dt = stiffness s + damping v`` up to the third order in ``small``."""
    degrees = len(stiffness)
    hidden = 2 * degrees
    identity, nothing = torch.eye(hidden, dtype=torch.float64), torch.zeros(hidden, dtype=torch.float64)
    last = torch.cat([stiffness, damping], dim=1) / small
    return module.SecondOrderField([small * identity, nothing, identity, nothing, last, nothing[:degrees]])


def hidden_layers(field, states: Tensor) -> tuple[Tensor, Tensor]:
    first, first_bias, second, second_bias, _, _ = field.weights
    early = (states @ first.T + first_bias).tanh()
    return early, (early @ second.T + second_bias).tanh()


def test_velocity_moves_the_position_and_the_network_the_velocity(module) -> None:
    field = module.BayesianField(6, 12)
    state = torch.randn(4, 6)
    derivative = field.with_weights(field.posterior().mean).derivative(torch.zeros(4, 1), state)
    torch.testing.assert_close(derivative, torch.cat([state[:, 3:], field.mean(state)], dim=1))


def test_divergence_is_the_trace_of_the_jacobian(module) -> None:
    field, states = random_field(module, 3), torch.randn(4, 6, dtype=torch.float64)
    trace = field.trace(*hidden_layers(field, states))
    for row, state in enumerate(states):
        jacobian = torch.autograd.functional.jacobian(lambda z: field.derivative(torch.zeros(1, 1), z[None])[0], state)
        assert jacobian[3:, 3:].abs().max() > 0.05
        torch.testing.assert_close(trace[row], jacobian.trace())


def test_divergence_agrees_with_finite_differences_on_a_linear_acceleration(module) -> None:
    torch.manual_seed(3)
    stiffness, damping = torch.randn(2, 3, 3, dtype=torch.float64)
    field = linear_field(module, stiffness, damping)
    state, step = torch.randn(1, 6, dtype=torch.float64), 1e-3
    moved = [state + sign * step * torch.eye(6, dtype=torch.float64)[3:] for sign in (1, -1)]
    ahead, behind = (field.derivative(torch.zeros(3, 1), z)[:, 3:] for z in moved)
    trace = field.trace(*hidden_layers(field, state))[0]
    torch.testing.assert_close(trace, ((ahead - behind) / (2 * step)).trace(), atol=1e-5, rtol=0)
    torch.testing.assert_close(trace, damping.trace(), atol=1e-5, rtol=0)


def test_density_along_a_linear_flow_is_the_gaussian_pushed_forward(module, times) -> None:
    torch.manual_seed(4)
    stiffness, damping = torch.randn(2, 3, 3, dtype=torch.float64)
    mean, std = torch.randn(3, 1, 6, dtype=torch.float64), 0.5 + torch.rand(3, 1, 6, dtype=torch.float64)
    states, density = module.ODE2VAE.flow(Gaussian(mean, std), linear_field(module, stiffness, damping), times[:3])
    zero, one = torch.zeros(3, 3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)
    generator = torch.cat([torch.cat([zero, one], dim=1), torch.cat([stiffness, damping], dim=1)])
    for row in range(3):
        for frame in (0, 7, 40):
            forward = torch.linalg.matrix_exp(times[row, frame] * generator)
            pushed = MultivariateNormal(forward @ mean[row, 0], forward @ torch.diag(std[row, 0] ** 2) @ forward.T)
            expected = pushed.log_prob(states[row, frame])
            torch.testing.assert_close(density[row, frame], expected, atol=1e-4, rtol=0)


def test_density_along_a_curved_flow_is_the_determinant_of_the_flow_map(module) -> None:
    field, times = random_field(module, 2), torch.linspace(0, 1, 161, dtype=torch.float64)[None]
    gaussian = Gaussian(torch.randn(1, 1, 4).double(), 0.5 + torch.rand(1, 1, 4).double())
    states, density = module.ODE2VAE.flow(gaussian, field, times)

    def flow_map(initial: Tensor) -> Tensor:
        return solve_by_frame(field.derivative, initial[None], times)[0, -1]

    jacobian = torch.autograd.functional.jacobian(flow_map, states[0, 0])
    change = density[0, -1] - density[0, 0]
    torch.testing.assert_close(change, -torch.linalg.slogdet(jacobian).logabsdet, atol=1e-6, rtol=0)
    assert change.abs() > 0.1


def test_initial_density_counts_the_spread(module, times) -> None:
    """The published code leaves ``-sum log std`` out, so that all spreads are equally good."""
    field, mean = random_field(module, 3), torch.randn(5, 1, 6).double()
    densities = []
    for std in (1.0, 0.1):
        torch.manual_seed(5)
        states, density = module.ODE2VAE.flow(Gaussian(mean, torch.full_like(mean, std)), field, times)
        expected = Normal(mean[:, 0], std).log_prob(states[:, 0]).sum(dim=-1)
        torch.testing.assert_close(density[:, 0], expected)
        densities.append(density[:, 0])
    torch.testing.assert_close(densities[1] - densities[0], torch.full((5,), 6 * torch.tensor(10.0).log()).double())


def test_weights_are_drawn_around_their_mean_with_one_spread(module) -> None:
    torch.manual_seed(6)
    posterior = module.BayesianField(6, 12).posterior()
    prior = Normal(torch.zeros_like(posterior.mean), 1.0)
    expected = kl_divergence(Normal(posterior.mean, posterior.std), prior).sum()
    torch.testing.assert_close(posterior.kl_from_standard_normal(), expected)
    assert len(posterior.mean) == 6 * 12 + 12 + 12 * 12 + 12 + 12 * 3 + 3
    deviation = (torch.stack([posterior.sample() for _ in range(200)]) - posterior.mean).std()
    assert deviation.item() == pytest.approx(0.01, rel=0.02)  # a variance of 1e-4, as published


def test_the_published_initialisation_is_glorots_without_biases(module, build) -> None:
    published, usual = build().field.mean, build("torch-initialisation").field.mean
    for layer in (published.first, published[2], published.last):
        bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert 0.95 * bound < layer.weight.abs().max() <= bound
        assert not layer.bias.any()
    assert usual.first.weight.abs().max() <= usual.first.in_features**-0.5 and usual.first.bias.any()


def test_an_unknown_initialisation_is_refused(build) -> None:
    with pytest.raises(BenchError, match="orthogonal"):
        build(initialisation="orthogonal")


def test_loss_is_the_papers_term_by_term(module, build, batch) -> None:
    model = build(path_weight=0.5, gamma=0.25, observation_std=0.05)
    torch.manual_seed(7)
    terms = model.loss(batch)
    torch.manual_seed(7)  # the weights of f are drawn first, then the state
    frames, index = batch.grid_frames()
    times = batch.grid_times / model.time_scale
    posterior = model.field.posterior()
    field = model.field.with_weights(posterior.sample())
    encoding = model.recognition(model.encoder(frames)[index], times)
    states, density = model.flow(encoding, field, times)
    assert encoding.mean.shape == (12, 60 - CONTEXT + 1, 2 * DEGREES)

    rows = torch.arange(12)[:, None]
    reached = states[rows, batch.query_index]
    image = model.decoder(reached[..., :DEGREES])
    path = density[rows, batch.query_index] - Normal(0.0, 1.0).log_prob(reached).sum(dim=-1)
    spread = posterior.mean.square() + posterior.std.square() - 1 - 2 * posterior.std.log()
    expected = {
        "reconstruction": negative_log_likelihood(image, batch.query, 0.05),
        "path": 0.5 * path.mean(),
        "weights": DEGREES * spread.mean() / 2 / 50,  # q / |W| times the divergence, over 50 frames ahead
        "encoding": 0.25 * module.encoding_penalty(encoding, states, density, times),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value / 1024, msg=name)


@pytest.mark.parametrize(("variant", "run"), [("default", CONTEXT), ("original", 3)])
def test_penalty_compares_with_encodings_of_complete_runs_of_frames(module, build, batch, variant, run) -> None:
    model = build(variant).eval()
    times = batch.grid_times / model.time_scale
    frames, index = batch.grid_frames()
    with torch.no_grad():
        tokens = model.encoder(frames)[index]
        encoding = model.recognition(tokens, times)
        states, density = torch.randn(12, 60, 2 * DEGREES), torch.randn(12, 60)
        differences = []
        for row in range(12):
            own = int((times[row].diff() > 0).sum()) + 1  # frames before the trajectory ends
            for first in range(1, own - run + 1):
                part = slice(first, first + run)
                alone = model.recognition(tokens[row : row + 1, part], times[row : row + 1, part])
                log_prob = Normal(alone.mean[0, 0], alone.std[0, 0]).log_prob(states[row, first]).sum()
                differences.append(density[row, first] - log_prob)
        penalty = module.encoding_penalty(encoding, states, density, times)
    torch.testing.assert_close(penalty, torch.stack(differences).mean(), rtol=1e-4, atol=1e-4)
    assert len(differences) < 12 * (60 - run)  # some windows reach beyond their trajectory


def test_penalty_has_frames_from_the_first_phase_of_growth_on(build, pendulum, pendulum_task) -> None:
    sampler = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=4), "cpu")
    model = build()
    for length in (1, 2, 4):
        terms = model.loss(sampler.draw(length, torch.Generator().manual_seed(0)))
        assert all(torch.isfinite(term) for term in terms.values())
        assert terms["encoding"] != 0


@pytest.mark.parametrize(("variant", "run"), [("default", CONTEXT), ("original", 3)])
def test_position_is_read_from_the_first_frame_and_velocity_from_the_first_few(build, batch, variant, run) -> None:
    model = build(variant).eval()
    context = batch.frames[batch.context]
    with torch.no_grad():
        before = model.represent(context, batch.context_times)
        for frame in range(CONTEXT):
            changed = context.clone()
            changed[:, frame] = 1 - changed[:, frame]
            moved = (model.represent(changed, batch.context_times) - before).abs().amax(dim=0)
            assert (moved[:DEGREES].max() > 0) == (frame == 0)
            assert (moved[DEGREES:].max() > 0) == (frame < run)
        slower = (model.represent(context, 1.5 * batch.context_times) - before).abs().amax(dim=0)
    assert slower[:DEGREES].max() == 0
    assert slower[DEGREES:].max() > 0


def test_training_and_forecast_start_from_the_same_code(build, batch) -> None:
    model = build().eval()
    frames, index = batch.grid_frames()
    with torch.no_grad():
        encoding = model.recognition(model.encoder(frames)[index], batch.grid_times / model.time_scale)
        given = model.represent(batch.frames[batch.context], batch.context_times)
    torch.testing.assert_close(encoding.mean[:, 0], given, rtol=1e-4, atol=1e-5)


def test_forecast_takes_the_mean_weights_and_renders_the_position(build, batch) -> None:
    model = build().eval()
    model.decoder = torch.nn.Identity()  # what is rendered, not how
    context, asked = batch.frames[batch.context], batch.query_times
    with torch.no_grad():
        rendered = model.forecast(context, batch.context_times, asked)
        initial = model.represent(context, batch.context_times)
        frames = torch.cat([torch.zeros(12, 1), asked / model.time_scale], dim=1)[..., None]
        between = torch.lerp(frames[:, :-1], frames[:, 1:], torch.linspace(0, 1, 21)[1:])  # 20 steps to a query
        field = model.field.with_weights(model.field.posterior().mean)
        times = torch.cat([torch.zeros(12, 1), between.flatten(1)], dim=1)
        states = solve_by_frame(field.derivative, initial, times)[:, 20::20]
        torch.testing.assert_close(rendered, states[..., :DEGREES], rtol=1e-4, atol=1e-4)
        model.field.log_std.fill_(1.0)
        torch.testing.assert_close(model.forecast(context, batch.context_times, asked), rendered, rtol=0, atol=0)
    assert model.function_evaluations > 0


def test_a_frame_that_ends_no_window_changes_no_term(build, batch) -> None:
    """Times repeated at the end of a trajectory add nothing to any average."""
    model = build().eval()
    longer = replace(
        batch,
        grid_times=torch.cat([batch.grid_times, batch.grid_times[:, -1:]], dim=1),
        grid=torch.cat([batch.grid, batch.grid[:, -1:]], dim=1),
        in_span=torch.cat([batch.in_span, batch.in_span[:, -1:]], dim=1),
    )
    torch.manual_seed(8)
    once = model.loss(batch)
    torch.manual_seed(8)
    again = model.loss(longer)
    for name in ("reconstruction", "path", "encoding"):
        torch.testing.assert_close(again[name], once[name])


def test_an_odd_latent_state_is_refused(build) -> None:
    with pytest.raises(BenchError, match=r"'latent' .* 31"):
        build(latent=31)


@torch.no_grad()
def test_a_draw_has_weights_and_initial_states_of_its_own(build, batch) -> None:
    """With all but one of the two held, draws still differ."""
    model = build().eval()
    model.decoder = torch.nn.Identity()  # what is rendered, not how
    asked = (batch.frames[batch.context], batch.context_times, batch.query_times)
    for std_of_weights, std_of_states in ((0.3, 0.0), (0.0, 0.3)):
        model.field.log_std.fill_(torch.tensor(max(std_of_weights, 1e-9)).log())
        encode = type(model).posterior
        model.posterior = lambda *given, std=std_of_states, encode=encode: Gaussian(
            encode(model, *given).mean, torch.full((12, 2 * DEGREES), std)
        )
        one, other = model.sample(*asked), model.sample(*asked)
        assert (one - other).abs().mean() > 0.01


@torch.no_grad()
def test_velocity_is_read_through_a_hidden_layer_with_relu(module) -> None:
    torch.manual_seed(0)
    recognition, tokens = module.Recognition(4, 2, 3, 0.01), torch.randn(2, 5, 4)
    times = torch.rand(2, 5).sort(dim=1).values
    found = recognition(tokens, times)
    for run in range(3):
        elapsed = times[:, run : run + 3] - times[:, run : run + 1]
        read = torch.cat([tokens[:, run], tokens[:, run + 1], tokens[:, run + 2], elapsed], dim=1)
        velocity = recognition.velocity(recognition.motion[0](read).clamp(min=0))
        torch.testing.assert_close(
            found.mean[:, run], torch.cat([recognition.position.mean(tokens[:, run]), velocity.mean], dim=1)
        )
        torch.testing.assert_close(found.std[:, run, 2:], velocity.std)
