using LoraAspire.Model.Native;
using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer.Ranks;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// What every device of a run does alike: rank 0 when the run wants it, and tells the others, who wait for its word in
/// <see cref="Follow"/>.
/// </summary>
internal sealed class DeviceWork(DeviceGroup devices, TrainingRows rows, Objective objective, ParameterSet parameters, AdamW optimiser,
    OptimiserStep step, Schedule schedule, int seed)
{
    /// <summary>On a device that rank 0 leads, to the end of the run.</summary>
    public void Follow()
    {
        while (devices.Listen() is { Kind: not OrderKind.End } order)
        {
            try
            {
                Do(order);
            }
            catch (Exception error) when (OutOfMemory.Is(error) && optimiser.Steps == order.Step)
            {
                // Rank 0 knows, and says what is to be done instead.
            }
        }
    }

    private void Do(Order order)
    {
        if (order.Kind != OrderKind.Synchronise && order.Step != optimiser.Steps)
        {
            throw new StageException($"This device has made {optimiser.Steps} updates and the first one {order.Step}: memory ran out in "
                + "between. Another attempt goes on from the last checkpoint.", transient: true);
        }
        switch (order.Kind)
        {
            case OrderKind.Synchronise:
                Synchronise(order.Step);
                break;
            case OrderKind.Preflight:
                Preflight(order.Tokens, CancellationToken.None);
                break;
            case OrderKind.Step:
                Step(order.Step, order.Tokens, CancellationToken.None).Result.Dispose();
                break;
            case OrderKind.Validate:
                ValidationLoss(order.Tokens, CancellationToken.None);
                break;
        }
    }

    /// <summary>Every device has rank 0's parameters and moments.</summary>
    /// <param name="updates">That are in them.</param>
    public void Synchronise(int updates)
    {
        devices.Tell(new(OrderKind.Synchronise, Step: updates));
        foreach (var tensor in new[] { parameters.Values, optimiser.Mean, optimiser.Variance, objective.Scale?.State })
        {
            if (tensor is not null)
            {
                devices.Broadcast(tensor);
            }
        }
        optimiser.Steps = updates;
    }

    /// <summary>The largest micro-batch that each device will have, forward and backward; no parameter and no random number of the run
    /// changes.</summary>
    /// <returns>For each device its tokens, and the memory then; null where the system doesn't report it.</returns>
    public IReadOnlyList<(long Tokens, DeviceMemory? Memory)> Preflight(int tokens, CancellationToken cancellationToken)
    {
        devices.Tell(new(OrderKind.Preflight, tokens, optimiser.Steps));
        var largest = rows.Largest(tokens, objective, devices.Share);
        devices.Together(() =>
        {
            objective.BeginStep();
            objective.Each(new(largest is null ? [] : [largest], Passes: 1, 0), back: true, batch =>
            {
                using var loss = objective.Backward(batch, seed: 0);
                _ = loss.ReadSingle(); // waits for the device
            }, cancellationToken);
            objective.EndStep();
            using var noGrad = no_grad();
            parameters.Gradients.zero_();
        });
        var own = DeviceMemory.Read(parameters.Values.device);
        long[] said = [largest?.Tokens ?? 0, own?.Peak ?? 0, own?.Total ?? 0, own?.Free ?? 0];
        return [.. devices.Gather(said).Chunk(said.Length).Select(one =>
            (one[0], own is null ? null : new DeviceMemory(one[1], one[2], one[3], own.Where)))];
    }

    /// <param name="number">Of the step, counted from 0.</param>
    public EnqueuedStep Step(int number, int tokens, CancellationToken cancellationToken)
    {
        devices.Tell(new(OrderKind.Step, tokens, number));
        var batches = rows.Step(number, tokens, objective, devices.Share);
        return new(number + 1, step.Run(batches, schedule.At(number), ((long)seed << 32) + number, cancellationToken), batches.StepTokens);
    }

    /// <summary>Mean over all target tokens of the held-out rows.</summary>
    public double ValidationLoss(int tokens, CancellationToken cancellationToken)
    {
        devices.Tell(new(OrderKind.Validate, tokens, optimiser.Steps));
        double own = 0;
        devices.Together(() =>
        {
            objective.BeginStep(); // the update before this has changed the parameters
            objective.Each(rows.Validation(tokens, objective, devices.Share), back: false, batch => own += objective.Loss(batch),
                cancellationToken);
        });
        return devices.Gather([own]).Sum();
    }

    /// <summary>The others have nothing more to do.</summary>
    public void End() => devices.Tell(new(OrderKind.End));
}
