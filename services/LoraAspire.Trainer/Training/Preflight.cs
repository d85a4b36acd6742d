using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// Before step 1, the largest micro-batch there will be, forward and backward. It changes no parameter and no random number of the run.
/// </summary>
internal static class Preflight
{
    /// <exception cref="Runtime.Stages.StageException">Even the longest row alone does not fit; the message says what to
    /// change.</exception>
    public static void Run(TokenBudget budget, TrainingRows rows, Objective objective, ParameterSet parameters, Action<string> say,
        CancellationToken cancellationToken)
    {
        var tokens = budget.Run("Memory preflight", halvings: int.MaxValue, tokens =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            var largest = rows.Largest(tokens, objective.Packed);
            objective.BeginStep();
            using var loss = objective.Backward(largest, seed: 0);
            objective.EndStep();
            using var noGrad = no_grad();
            parameters.Gradients.zero_();
            _ = loss.ReadSingle(); // waits for the device
            return largest.RealTokens;
        });
        if (DeviceMemory.Read(parameters.Values.device) is { } memory)
        {
            say($"Memory preflight: the largest micro-batch, {tokens} tokens, fits; {Gib(memory.Peak)} of {Gib(memory.Total)} "
                + $"GiB {memory.Where} at the peak, {Gib(memory.Free)} left.");
        }
    }

    private static string Gib(long bytes) => FormattableString.Invariant($"{bytes / (double)(1 << 30):0.0}");
}
