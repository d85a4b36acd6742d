using System.Text.Json;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Goldens;
using TorchSharp;

namespace LoraAspire.Tests.Generation;

/// <summary>The smallest trained model there is to read tells its published story.</summary>
[Trait("Category", "Goldens")]
public sealed class StoriesTests
{
    [Fact]
    public void Stories260K_tells_the_published_story_token_for_token()
    {
        var folder = GoldenFolder.Require(GoldenFolder.SharedData, "models/stories260K");
        LibTorch.Load();
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "example_greedy.json")));
        var golden = document.RootElement;
        int[] prompt = Ids(golden.GetProperty("prompt_ids")), expected = Ids(golden.GetProperty("new_ids"));
        using var model = LlamaModel.Load(folder, torch.CPU, torch.float32);

        var ids = GreedyOracle.Tokens(model, prompt, expected.Length).ToArray();

        Assert.Equal(expected, ids);
    }

    [Fact]
    public async Task The_streamed_pieces_are_the_story()
    {
        var folder = GoldenFolder.Require(GoldenFolder.SharedData, "models/stories260K");
        LibTorch.Load();
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "example_greedy.json")));
        using var model = LocalModel.Load(folder, torch.CPU);

        var pieces = await model.StreamAsync([model.Tokenizer.BosId], GenerationOptions.Greedy(30), TestContext.Current.CancellationToken)
            .ToListAsync(TestContext.Current.CancellationToken);

        Assert.Equal(document.RootElement.GetProperty("text").GetString(), string.Concat(pieces.Select(piece => piece.Text)));
        Assert.Equal((30, FinishReason.Length), (pieces[^1].Tokens, pieces[^1].Finish));
    }

    [Fact]
    public async Task A_space_between_prompt_and_answer_is_kept()
    {
        var folder = GoldenFolder.Require(GoldenFolder.SharedData, "models/stories260K");
        LibTorch.Load();
        using var model = LocalModel.Load(folder, torch.CPU);

        var text = await model.CompleteAsync(model.Tokenizer.Encode("Once upon a time,", addBos: true), GenerationOptions.Greedy(8),
            TestContext.Current.CancellationToken);

        Assert.StartsWith(" there was", text);
    }

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
