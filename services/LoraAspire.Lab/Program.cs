using LoraAspire.Lab.ChatPages;
using LoraAspire.Lab.GpuPages;
using LoraAspire.Lab.Languages;
using LoraAspire.Lab.Layout;
using LoraAspire.Lab.ListPages;
using LoraAspire.Lab.RunPages;
using LoraAspire.Lab.Security;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Access;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.ServiceDiscovery.Http;
using MudBlazor.Services;

var builder = WebApplication.CreateBuilder(args);

// The component kit's files lie in its package until publish, whatever the environment is called.
builder.WebHost.UseStaticWebAssets();
builder.AddServiceDefaults();
builder.AddLoraRuntime();
// A page says at once that Redis is away, and asks again by itself.
builder.Services.AddSingleton(new StreamSettings { RedisLimit = TimeSpan.Zero });
builder.Services.AddSingleton(OtherPages.From(builder.Configuration));
builder.Services.AddSingleton(services => new ChatApi(services.GetRequiredService<IServiceDiscoveryHttpMessageHandlerFactory>(),
    builder.Configuration.GetSection("services:chat").Exists(), builder.Configuration[ApiKeyFile.Variable]));
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddSingleton<LossBook>();
builder.Services.AddSingleton<GpuSampler>();
builder.Services.AddHostedService(services => services.GetRequiredService<GpuSampler>());
builder.Services.AddSingleton<GpuBoard>();
builder.Services.AddHostedService<EarlyLook>();
builder.Services.AddLocalization();
builder.Services.AddMudServices();
// A pipeline comes through the circuit as one message.
builder.Services.AddRazorComponents().AddInteractiveServerComponents().AddHubOptions(hub => hub.MaximumReceiveMessageSize = 1 << 20);

var app = builder.Build();

app.UsePageSecurity();
app.UseLanguages();
app.UseStatusCodePagesWithReExecute("/not-found");
app.UseAntiforgery();
app.MapDefaultEndpoints();
app.MapStaticAssets();
app.MapArtifactDownloads();
app.MapRazorComponents<App>().AddInteractiveServerRenderMode(options => options.ContentSecurityFrameAncestorsPolicy = null);

app.Run();
