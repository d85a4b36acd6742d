using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Trainer;

/// <summary>Memory runs out for real: libtorch is asked for more than any machine has.</summary>
public sealed class TokenBudgetTests
{
    private readonly List<string> _said = [];

    [Fact]
    public void A_refused_allocation_is_out_of_memory_and_a_wrong_shape_is_not()
    {
        Assert.True(OutOfMemory.Is(Record.Exception(() => empty(1L << 55))!));
        Assert.False(OutOfMemory.Is(Record.Exception(() => ones(2, 3).mm(ones(2, 3)))!));
        Assert.False(OutOfMemory.Is(new InvalidOperationException("out of memory")));
    }

    [Fact]
    public void The_budget_is_halved_until_the_work_fits()
    {
        var budget = new TokenBudget(4096, longestRow: 300, _said.Add);

        Assert.Equal(1024, budget.Run("Memory preflight", int.MaxValue, Allocate));

        Assert.Equal(1024, budget.Tokens);
        Assert.Equal(2, _said.Count);
        Assert.Contains("micro_batch_tokens: 1024", _said[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_step_is_tried_again_only_once()
    {
        var error = Assert.Throws<StageException>(() => new TokenBudget(4096, 300, _said.Add).Run("Step 7", 1, Allocate));

        Assert.Contains("Step 7: out of memory with micro-batches of 2048 tokens", error.Message, StringComparison.Ordinal);
        Assert.Contains("low_memory: true", error.Message, StringComparison.Ordinal);
        Assert.True(error.Transient);
    }

    [Fact]
    public void A_budget_below_the_longest_row_is_not_tried() =>
        Assert.Contains("longest row has 3000", Assert.Throws<StageException>(() =>
            new TokenBudget(4096, 3000, _said.Add).Run("Memory preflight", int.MaxValue, Allocate)).Message, StringComparison.Ordinal);

    [Fact]
    public void Another_error_is_left_alone() =>
        Assert.Throws<InvalidDataException>(
            () => new TokenBudget(4096, 300, _said.Add).Run<int>("Step 1", 1, _ => throw new InvalidDataException()));

    /// <summary>1,024 tokens take a kilobyte; more take 2^55 bytes and more.</summary>
    private static int Allocate(int tokens)
    {
        using var memory = empty(tokens > 1024 ? tokens * (1L << 44) : tokens, uint8);
        return tokens;
    }
}
