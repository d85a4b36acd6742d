using System.Text.Json;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Native;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Model;
using LoraAspire.Tests.Trainer;

namespace LoraAspire.Tests.Generation.Batching;

/// <summary>Every family says the same alone and in any company, read at once or in stretches, computed or found in the cache.</summary>
[Trait("Category", "Goldens")]
public sealed class EngineGoldens
{
    public static TheoryData<string> Cases => GoldenFolder.Cases("models", holding: "golden.json");

    public static TheoryData<string> Adapters => GoldenFolder.Cases("lora", holding: "case.json");

    [Theory, MemberData(nameof(Cases))]
    public async Task Greedy_ids_equal_the_golden_alone_and_in_any_batch(string name)
    {
        LibTorch.Load();
        using var golden = Golden.Open(name);
        using var model = golden.Model();
        Assert.SkipUnless(golden.Json.TryGetProperty("generation", out var generations), $"{name} has no generated text.");
        var texts = GoldenFolder.Rows(golden.Json, "generation").Select(one => (Prompt: Ids(one, "prompt"), All: Ids(one, "sequence")))
            .ToList();
        async Task Says(BatchEngine engine, IEnumerable<(int[] Prompt, int[] All)> asked) =>
            await Task.WhenAll(asked.Select(async one =>
                Assert.Equal(one.All[one.Prompt.Length..], await engine.Ids(one.Prompt, one.All.Length - one.Prompt.Length))));

        using (var engine = Asking.Engine(new TorchExecutor(model, owns: false)))
        {
            foreach (var text in texts)
            {
                await Says(engine, [text]);
            }
            await Says(engine, texts.SelectMany(text => Enumerable.Repeat(text, 5))); // what was computed is found
            var longer = texts.Where(text => text.All.Length > 20).ToList();
            await Says(engine, longer.Select(text => (text.All[..^3], text.All))); // goes on behind its own answer
        }
        using var narrow = Asking.Engine(new TorchExecutor(model, owns: false), new EngineLimits(StepTokens: 3));
        await Says(narrow, texts.Concat(texts)); // prompts in stretches beside the others' answers
    }

    [Theory, MemberData(nameof(Adapters))]
    public async Task An_adapter_beside_its_base_says_what_it_says_attached_and_the_base_what_it_says_alone(string name)
    {
        LibTorch.Load();
        var golden = LoraCase.Open(name);
        using var model = golden.Base();
        using var adapter = Adapter.Load(golden.Folder("final_adapter"));
        using var engine = Asking.Engine(new TorchExecutor(model, owns: false));
        var number = await engine.AddAdapterAsync(adapter);
        int[] prompt = [1, 7, 9, 4, 11, 3, 8];

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => engine.Ids(prompt, 16, i % 2 == 0 ? -1 : number)));

        using var attached = golden.Base();
        var alone = GreedyOracle.Tokens(attached, prompt, 16);
        attached.Attach(adapter);
        var tuned = GreedyOracle.Tokens(attached, prompt, 16);
        Assert.All(answers.Index(), answer => Assert.Equal(answer.Index % 2 == 0 ? alone : tuned, answer.Item));
    }

    [Fact]
    public async Task The_shipped_model_says_the_same_with_and_without_company_seeded_or_not()
    {
        LibTorch.Load();
        using var model = LocalModel.Load(GoldenFolder.Pebble, TorchSharp.torch.CPU);
        List<IReadOnlyList<int>> prompts = [.. Enumerable.Range(0, 12)
            .Select(i => model.Format.Prompt(new(null, [new($"Say {i} things about stones.")]), model.Tokenizer))];
        GenerationOptions seeded = new() { Temperature = 0.9, TopP = 0.9, Seed = 11, MaxNewTokens = 40 };
        foreach (var options in new[] { GenerationOptions.Greedy(40), seeded })
        {
            List<string> alone = [];
            foreach (var prompt in prompts)
            {
                alone.Add(await model.CompleteAsync(prompt, options, TestContext.Current.CancellationToken));
            }

            var together = await model.AnswersAsync(prompts, options, cancellationToken: TestContext.Current.CancellationToken);

            Assert.Equal(alone, together);
        }
    }

    private static int[] Ids(JsonElement one, string name) => [.. one.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
}
