using LoraAspire.Model;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Constraints;

namespace LoraAspire.Tests.Generation.Batching;

/// <summary>Who is computed when, over a device whose texts tell any mistake with blocks.</summary>
public sealed class BatchEngineTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_hundred_callers_get_the_texts_that_each_would_get_alone_and_all_blocks_are_free_at_the_end()
    {
        using var engine = Asking.Engine(new LedgerExecutor(blocks: 2000));
        var asked = Enumerable.Range(0, 200).Select(i => (Prompt: Asking.Prompt(i, 1 + (i % 70)), Count: 1 + (i % 23))).ToList();

        var answers = await Task.WhenAll(asked.Select(one => Task.Run(() => engine.Ids(one.Prompt, one.Count), Cancelled)));

        Assert.Equal(asked.Select(one => LedgerExecutor.Expected(one.Prompt, one.Count)), answers);
        var settled = await engine.Settled();
        Assert.Equal((0, 0, 0), (settled.Running, settled.Waiting, settled.BlocksUsed));
        Assert.Equal((asked.Sum(one => one.Prompt.Length), asked.Sum(one => one.Count)), (settled.PromptTokens, settled.AnswerTokens));
    }

    [Fact]
    public async Task Where_blocks_run_out_the_youngest_gives_way_and_its_text_goes_on_unchanged()
    {
        using var engine = Asking.Engine(new LedgerExecutor(blocks: 12)); // 192 tokens
        var asked = Enumerable.Range(0, 20).Select(i => Asking.Prompt(i, 20 + i)).ToList();
        GenerationOptions seeded = new() { Temperature = 1, Seed = 3, MaxNewTokens = 90, TopK = 40 };

        var greedy = await Task.WhenAll(asked.Select(prompt => engine.Ids(prompt, 100)));
        var drawn = await Task.WhenAll(asked.Select(prompt => engine.Choices(prompt, seeded)));

        Assert.Equal(asked.Select(prompt => LedgerExecutor.Expected(prompt, 100)), greedy);
        var settled = await engine.Settled();
        Assert.True(settled.Preemptions > 0);
        Assert.Equal(0, settled.BlocksUsed);
        using var roomy = Asking.Engine(new LedgerExecutor(blocks: 1000));
        foreach (var (prompt, choices) in asked.Zip(drawn))
        {
            Assert.Equal(await roomy.Choices(prompt, seeded), choices);
        }
        Assert.Equal(0, (await roomy.Settled()).Preemptions);
    }

    [Fact]
    public async Task A_beginning_that_was_computed_is_not_computed_again_neither_in_a_conversation_nor_by_others()
    {
        LedgerExecutor executor = new(blocks: 100);
        using var engine = Asking.Engine(executor);
        var first = Asking.Prompt(1, 50);
        var answer = await engine.Ids(first, 20);

        int[] second = [.. first, .. answer, .. Asking.Prompt(2, 9)], other = [.. first[..40], 999];
        Assert.Equal(LedgerExecutor.Expected(second, 5), await engine.Ids(second, 5));
        Assert.Equal(LedgerExecutor.Expected(other, 5), await engine.Ids(other, 5));

        // 69 of the 70 were computed, the last was only drawn: 4 whole blocks; 2 whole blocks of 40.
        Assert.Equal(64 + 32, (await engine.Settled()).ReusedTokens);
        Assert.Equal([50, 79 - 64, 41 - 32], executor.Steps.Select(step => step[0].Ids.Length).Where(count => count > 1));
    }

    [Fact]
    public async Task The_answers_to_one_prompt_share_its_reading_and_each_is_its_own()
    {
        LedgerExecutor executor = new(blocks: 200);
        using var engine = Asking.Engine(executor);
        var prompt = Asking.Prompt(1, 100); // 6 whole blocks and 4 tokens
        GenerationOptions options = new() { Temperature = 1, Seed = 5, MaxNewTokens = 30, Choices = 5 };

        var choices = await engine.Choices(prompt, options);

        Assert.Equal(5, choices.DistinctBy(ids => string.Join(' ', ids)).Count());
        Assert.All(choices, ids => Assert.Equal(30, ids.Length));
        var computed = executor.Steps.Sum(step => step.Sum(slice => slice.Ids.Length));
        Assert.Equal(100 + (4 * 4) + (5 * 29), computed);
        Assert.Equal(0, (await engine.Settled()).BlocksUsed);
        using var alone = Asking.Engine(new LedgerExecutor(blocks: 200));
        Assert.Equal(choices[..2], await alone.Choices(prompt, options with { Choices = 2 }));
    }

    [Fact]
    public async Task More_answers_than_a_step_takes_are_computed_one_after_the_other()
    {
        using var engine = Asking.Engine(new LedgerExecutor(blocks: 9, mostSequences: 2));
        GenerationOptions options = new() { Temperature = 1, Seed = 5, MaxNewTokens = 30, Choices = 7 };

        var choices = await engine.Choices(Asking.Prompt(1, 40), options);

        using var roomy = Asking.Engine(new LedgerExecutor(blocks: 200));
        Assert.Equal(await roomy.Choices(Asking.Prompt(1, 40), options), choices);
    }

    [Fact]
    public async Task A_long_prompt_is_read_in_stretches_beside_the_answers_of_others()
    {
        TaskCompletionSource speaking = new(), asked = new();
        LedgerExecutor executor = new(blocks: 200)
        {
            Before = step =>
            {
                if (step == 3)
                {
                    speaking.SetResult();
                    asked.Task.Wait(Cancelled);
                }
            },
        };
        using var engine = Asking.Engine(executor, new EngineLimits(StepTokens: 64));
        var shorter = engine.Ids(Asking.Prompt(1, 10), 40);
        await speaking.Task;
        var longer = engine.Ids(Asking.Prompt(2, 400), 5);
        asked.SetResult();

        Assert.Equal(LedgerExecutor.Expected(Asking.Prompt(2, 400), 5), await longer);
        Assert.Equal(LedgerExecutor.Expected(Asking.Prompt(1, 10), 40), await shorter);
        var reading = executor.Steps.Where(step => step.Any(slice => slice.Ids.Length > 10)).ToList();
        Assert.Equal(7, reading.Count); // 6 of 63 and one of 22
        Assert.All(reading, step => Assert.Equal(1, step[0].Ids.Length));
        Assert.All(executor.Steps, step => Assert.InRange(step.Sum(slice => slice.Ids.Length), 1, 64));
    }

    [Fact]
    public async Task Whoever_leaves_is_computed_no_longer_and_blocks_are_free()
    {
        LedgerExecutor executor = new(blocks: 100);
        using var engine = Asking.Engine(executor);
        using CancellationTokenSource leaving = new();
        await using (var pieces = engine.Stream(Asking.Prompt(1, 40), GenerationOptions.Greedy(400)).GetAsyncEnumerator(Cancelled))
        {
            Assert.True(await pieces.MoveNextAsync()); // and goes
        }
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in engine.Stream(Asking.Prompt(2, 40), GenerationOptions.Greedy(400), leaving: leaving))
            {
                await leaving.CancelAsync();
            }
        });

        var settled = await engine.Settled();
        Assert.Equal((0, 0, 0), (settled.Running, settled.Waiting, settled.BlocksUsed));
        Assert.InRange(settled.AnswerTokens, 2, 700);
    }

    [Fact]
    public async Task When_as_many_wait_as_may_the_next_is_told_to_come_again()
    {
        TaskCompletionSource computing = new(), go = new();
        LedgerExecutor executor = new(blocks: 100, mostSequences: 1)
        {
            Before = _ =>
            {
                computing.TrySetResult();
                go.Task.Wait(Cancelled);
            },
        };
        using var engine = Asking.Engine(executor, new EngineLimits(Queue: 2));
        var first = engine.Ids(Asking.Prompt(0, 10), 3);
        await computing.Task;
        var waiting = new[] { engine.Ids(Asking.Prompt(1, 10), 3), engine.Ids(Asking.Prompt(2, 10), 3) };

        var full = await Assert.ThrowsAsync<QueueFullException>(() => engine.Ids(Asking.Prompt(3, 10), 3));

        Assert.InRange(full.RetryAfter, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        Assert.Contains("2 requests wait", full.Message);
        go.SetResult();
        await Task.WhenAll([first, .. waiting]);
        Assert.Equal(LedgerExecutor.Expected(Asking.Prompt(3, 10), 3), await engine.Ids(Asking.Prompt(3, 10), 3));
    }

    [Fact]
    public async Task A_step_that_fails_ends_the_requests_in_it_in_words_and_nothing_else()
    {
        LedgerExecutor executor = new(blocks: 100)
        {
            Before = step =>
            {
                if (step == 4)
                {
                    throw new InvalidOperationException("a cable is loose");
                }
            },
        };
        using var engine = Asking.Engine(executor);

        var failed = await Assert.ThrowsAsync<ModelException>(() => engine.Ids(Asking.Prompt(1, 40), 20));

        Assert.Contains("a cable is loose", failed.Message);
        Assert.Equal(LedgerExecutor.Expected(Asking.Prompt(1, 40), 20), await engine.Ids(Asking.Prompt(1, 40), 20));
        Assert.Equal(0, (await engine.Settled()).BlocksUsed);
    }

    [Fact]
    public void A_device_that_can_not_even_be_tidied_up_ends_the_engine_and_not_the_process()
    {
        LedgerExecutor executor = new(blocks: 100) { IsLost = true };
        using (var engine = Asking.Engine(executor))
        {
            engine.RemoveAdapter(0);
        }

        Assert.True(executor.IsDisposed);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public async Task What_an_answer_has_to_obey_may_fail_and_ends_that_answer_alone(int masks, int accepts)
    {
        using var engine = Asking.Engine(new LedgerExecutor(blocks: 100));
        var held = GenerationOptions.Greedy(20) with { Constraint = () => new Failing(masks, accepts) };

        var other = engine.Ids(Asking.Prompt(2, 30), 20);
        var failed = await Assert.ThrowsAsync<ModelException>(() => engine.Choices(Asking.Prompt(1, 40), held));

        Assert.Contains("nothing fits", failed.Message);
        Assert.Equal(LedgerExecutor.Expected(Asking.Prompt(2, 30), 20), await other);
        Assert.Equal(0, (await engine.Settled()).BlocksUsed);
    }

    /// <summary>Throws once it has masked and accepted so often.</summary>
    private sealed class Failing(int masks, int accepts) : TokenConstraint
    {
        private int _masks, _accepts;

        public override bool IsComplete => false;

        public override void Mask(Span<float> logits) => Count(ref _masks, masks);

        public override void Accept(int id) => Count(ref _accepts, accepts);

        private static void Count(ref int done, int most)
        {
            if (done++ == most)
            {
                throw new ModelException("nothing fits");
            }
        }
    }

    [Fact]
    public async Task Whoever_reads_slowly_holds_up_nobody()
    {
        using var engine = Asking.Engine(new LedgerExecutor(blocks: 100));
        await using var slow = engine.Stream(Asking.Prompt(1, 10), GenerationOptions.Greedy(100) with { TopLogprobs = 0 })
            .GetAsyncEnumerator(Cancelled);
        Assert.True(await slow.MoveNextAsync());

        for (var i = 0; i < 10; i++)
        {
            await engine.Ids(Asking.Prompt(i, 10), 100);
        }

        List<int> ids = [.. slow.Current.Logprobs.Select(one => one.Id)];
        while (await slow.MoveNextAsync())
        {
            ids.AddRange(slow.Current.Logprobs.Select(one => one.Id));
        }
        Assert.Equal(LedgerExecutor.Expected(Asking.Prompt(1, 10), 100), ids);
    }

    [Fact]
    public async Task What_another_adapter_computed_is_not_taken_for_ones_own()
    {
        using var engine = Asking.Engine(new LedgerExecutor(blocks: 100));
        var adapters = new[] { -1, await engine.AddAdapterAsync(null!), await engine.AddAdapterAsync(null!) };
        var prompt = Asking.Prompt(1, 70);

        for (var round = 0; round < 2; round++)
        {
            var answers = await Task.WhenAll(adapters.Select(adapter => engine.Ids(prompt, 10, adapter)));
            Assert.Equal(adapters.Select(adapter => LedgerExecutor.Expected(prompt, 10, adapter)), answers);
        }

        Assert.Equal(3 * 64, (await engine.Settled()).ReusedTokens);
        engine.RemoveAdapter(adapters[1]);
        var gone = await Assert.ThrowsAsync<ModelException>(() => engine.Ids(prompt, 10, adapters[1]));
        Assert.Contains("unloaded", gone.Message);
    }

    [Fact]
    public async Task A_device_that_draws_itself_is_told_how_where_nothing_else_has_to_see_the_logits()
    {
        LedgerExecutor executor = new(blocks: 100) { Draws = true };
        using var engine = Asking.Engine(executor);
        GenerationOptions options = new() { Temperature = 0.5, TopK = 7, TopP = 0.9, MinP = 0.1, Seed = 4, MaxNewTokens = 5 };

        await engine.Stream(Asking.Prompt(1, 20), options).LastAsync(Cancelled);
        await engine.Stream(Asking.Prompt(1, 20), options with { PresencePenalty = 1 }).LastAsync(Cancelled);

        var draws = executor.Steps.Select(step => step[0].Draw).ToList();
        Assert.All(draws[..5], draw => Assert.Equal((0.5, 7, 0.9, 0.1), (draw!.Temperature, draw.TopK, draw.TopP, draw.MinP)));
        Assert.Equal(5, draws[..5].Select(draw => draw!.Uniform).Distinct().Count());
        Assert.All(draws[5..], Assert.Null);
    }

    [Fact]
    public async Task A_closed_engine_ends_its_requests_in_words_and_its_device()
    {
        LedgerExecutor executor = new(blocks: 100);
        var engine = Asking.Engine(executor);
        await using var pieces = engine.Stream(Asking.Prompt(1, 10), GenerationOptions.Greedy(400)).GetAsyncEnumerator(Cancelled);
        Assert.True(await pieces.MoveNextAsync());

        engine.Dispose();

        Assert.True(executor.IsDisposed);
        var closed = await Assert.ThrowsAsync<ModelException>(async () =>
        {
            while (await pieces.MoveNextAsync())
            {
            }
            throw new InvalidOperationException("It had said all already.");
        });
        Assert.Contains("unloaded", closed.Message);
        await Assert.ThrowsAsync<ModelException>(() => engine.Ids(Asking.Prompt(1, 10), 1));
    }

    [Fact]
    public async Task Prompts_that_no_cache_holds_and_ids_of_no_token_are_refused_in_words()
    {
        using var engine = Asking.Engine(new LedgerExecutor(blocks: 4));

        Assert.Contains("1 to 63", (await Assert.ThrowsAsync<ModelException>(() => engine.Ids(Asking.Prompt(1, 64), 1))).Message);
        Assert.Contains("3000 is no token", (await Assert.ThrowsAsync<ModelException>(() => engine.Ids([1, 3000], 1))).Message);
        Assert.Equal(64 - 60, (await engine.Ids(Asking.Prompt(1, 60), 100)).Length);
        Assert.Contains("-2 is no token", (await Assert.ThrowsAsync<ModelException>(() => engine.Ids([1, -2], 1))).Message);
    }

    [Fact]
    public async Task The_meter_tells_the_figures_of_all_engines_and_its_counts_never_fall()
    {
        var before = EngineMeter.Total.AnswerTokens;
        using (var engine = Asking.Engine(new LedgerExecutor(blocks: 100)))
        {
            await engine.Ids(Asking.Prompt(1, 10), 12);
        }
        Assert.True(EngineMeter.Total.AnswerTokens >= before + 12);
    }
}
