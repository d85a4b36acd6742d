using LoraAspire.Model;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;
using TorchSharp;

namespace LoraAspire.Tests.Generation;

/// <summary>A text as it is streamed, by the base model of this repository.</summary>
public sealed class StreamTests
{
    private const string Prompt = "### Instruction:\nTranslate this sentence into Chinese: I like apples and oranges.\n\n### Response:\n";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stop_string_over_several_tokens_ends_the_text_before_it()
    {
        using var model = Pebble();
        int[] prompt = model.Tokenizer.Encode(Prompt, addBos: true);
        var pieces = await model.StreamAsync(prompt, GenerationOptions.Greedy(40), Cancelled).Select(piece => piece.Text)
            .Where(text => text.Length > 0).ToListAsync(Cancelled);
        Assert.True(pieces.Count > 3, string.Join('|', pieces));
        var (whole, stop) = (string.Concat(pieces), pieces[^2][^1] + pieces[^1][..1]); // the end of one piece and the start of the next

        var stopped = await model.StreamAsync(prompt, GenerationOptions.Greedy(40) with { Stop = ["never told", stop] }, Cancelled)
            .ToListAsync(Cancelled);

        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], string.Concat(stopped.Select(piece => piece.Text)));
        Assert.Equal(FinishReason.Stop, stopped[^1].Finish);
    }

    [Fact]
    public async Task The_context_ends_the_text_and_a_longer_prompt_is_refused()
    {
        using var model = Pebble();
        int[] prompt = [model.Tokenizer.BosId, .. Enumerable.Repeat(403, model.Context - 4)];

        var last = await model.StreamAsync(prompt, GenerationOptions.Greedy(100), Cancelled).LastAsync(Cancelled);

        Assert.InRange(last.Tokens, 1, 3);
        await Assert.ThrowsAsync<ModelException>(() =>
            model.CompleteAsync([.. prompt, 403, 403, 403, 403], GenerationOptions.Greedy(1), Cancelled));
    }

    [Fact]
    public void Characters_of_several_byte_tokens_come_out_whole()
    {
        var tokenizer = HfTokenizer.Load(GoldenFolder.At("own/tokenizer"));
        var stream = new TextStream(tokenizer, [tokenizer.BosId], []);
        var ids = tokenizer.Encode("鹦鹉, stone 🙂", addBos: false); // none of these characters is a piece

        var pieces = ids.Select(stream.Add).ToList();

        Assert.True(ids.Length > 12);
        Assert.DoesNotContain(pieces, piece => piece.Contains('\uFFFD'));
        Assert.Equal("鹦鹉, stone 🙂", string.Concat(pieces) + stream.Flush());
    }

    private static LocalModel Pebble()
    {
        LibTorch.Load();
        return LocalModel.Load(GoldenFolder.Pebble, torch.CPU);
    }
}
